#!/bin/sh
# The repository that a fix is pushed to, and a server for it: on the machine itself, since that has
# no network. "first" makes it, "fix" pushes version 2. Says "changed" if there was something to do.
set -eu
work=/srv/git/work
# Every machine of a scenario makes the same commits.
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git_as_owner() { runuser -u git -- git -C "$work" -c user.name=molecule -c user.email=molecule@example.org "$@"; }
commit() {
  git_as_owner add --all
  if ! git_as_owner diff --cached --quiet; then
    git_as_owner commit --quiet --message "$1"
    echo changed
  fi
}
case $1 in
  first)
    [ ! -e "$work" ] || exit 0
    useradd --system --home-dir /srv/git --create-home git
    install -d -o git "$work"
    git_as_owner init --quiet --initial-branch=main
    install -o git -m 0644 /var/tmp/work.py "$work/work.py"
    commit "Work with numbers"
    systemd-run --quiet --unit=origin --property=User=git --property=Restart=always -- \
      git daemon --listen=127.0.0.1 --reuseaddr --base-path=/srv/git --export-all
    ;;
  fix)
    sed -i 's/^FIXED = .*/FIXED = True/' "$work/work.py"
    chown git "$work/work.py"
    commit "Work with odd numbers too"
    ;;
esac
