#!/bin/sh
# What `make demo` shows: compile, change a manifest the way a pull request would, and read what the change means.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
say() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }

cp "$here/minimal.yaml" "$here/quickstart.yaml" "$work/"
cd "$work"
git init -q . && git config user.name demo && git config user.email demo@example.org
printf '.pgc-*\n' > .gitignore

say pgc compile quickstart.yaml minimal.yaml
pgc compile quickstart.yaml minimal.yaml
git add . && git commit -q -m 'two clusters'

say "sed -i 's/connections: 1000/connections: 1500/; s/failover: 30s/failover: 45s/' quickstart.yaml   # a pull request"
sed -i 's/connections: 1000/connections: 1500/; s/failover: 30s/failover: 45s/' quickstart.yaml
pgc compile quickstart.yaml > /dev/null

say pgc diff
pgc diff

say pgc explain ttl
pgc explain ttl --manifests quickstart.yaml

sed 's/failover: 45s/failovr: 45s/' quickstart.yaml > typo.yaml
say "pgc compile typo.yaml   # failover is misspelt there"
pgc compile typo.yaml || [ $? = 3 ]
