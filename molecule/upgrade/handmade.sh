#!/bin/sh
# A queue as its people made it years ago: an account, the programs in its home, a plain unit.
set -eu
useradd --create-home --shell /bin/bash hand
loginctl enable-linger hand
install -d -o hand -g hand /home/hand/bin /home/hand/.config /home/hand/.config/systemd /home/hand/.config/systemd/user
install -o hand -g hand "$1/pueue" "$1/pueued" /home/hand/bin
cat > /home/hand/.config/systemd/user/pueued.service <<'UNIT'
[Unit]
Description=Pueue Daemon - CLI process scheduler and manager

[Service]
Restart=no
ExecStart=%h/bin/pueued -vv

[Install]
WantedBy=default.target
UNIT
chown hand:hand /home/hand/.config/systemd/user/pueued.service
run() {
  runuser -u hand -- env XDG_RUNTIME_DIR="/run/user/$(id -u hand)" HOME=/home/hand "$@"
}
until run systemctl --user is-system-running >/dev/null 2>&1; do sleep 0.2; done
run systemctl --user enable --quiet --now pueued.service
until run /home/hand/bin/pueue group >/dev/null 2>&1; do sleep 0.2; done
run /home/hand/bin/pueue group add --parallel 2 work
run /home/hand/bin/pueue group add --parallel 1 late
