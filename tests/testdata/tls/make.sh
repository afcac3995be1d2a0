#!/bin/sh
# Makes the certificates of this folder anew; see README.md. Needs OpenSSL 1.1.1+.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir "$work/new"
: >"$work/index"
echo 01 >"$work/serial"
cat >"$work/ca.cnf" <<END
[ca]
default_ca = own
[own]
database = $work/index
new_certs_dir = $work/new
serial = $work/serial
default_md = sha256
policy = names
copy_extensions = copy
unique_subject = no
[names]
commonName = supplied
END
BEGIN=20200101000000Z
END=21200101000000Z

# request <name> <common name> <extension>...
request() {
  name=$1 subject=$2
  shift 2
  for extension in "$@"; do set -- "$@" -addext "$extension"; shift; done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj "/CN=$subject" -keyout "$name.key" -out "$work/$name.csr" "$@"
}

# sign <name> <from> <until>, or with -selfsign as fourth word
sign() {
  if [ "${4:-}" = -selfsign ]; then
    set -- "$1" "$2" "$3" -selfsign -keyfile "$1.key"
  else
    set -- "$1" "$2" "$3" -cert ca.pem -keyfile ca.key
  fi
  name=$1 from=$2 until=$3
  shift 3
  openssl ca -batch -notext -config "$work/ca.cnf" -startdate "$from" \
    -enddate "$until" -in "$work/$name.csr" -out "$name.pem" "$@"
}

LOCAL=subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
LEAF=basicConstraints=critical,CA:FALSE
ROOT=basicConstraints=critical,CA:TRUE

request ca 'Test root' "$ROOT" keyUsage=critical,keyCertSign
sign ca $BEGIN $END -selfsign
request localhost localhost "$LOCAL" "$LEAF"
sign localhost $BEGIN $END
request other_name other.example subjectAltName=DNS:other.example "$LEAF"
sign other_name $BEGIN $END
request expired localhost "$LOCAL" "$LEAF"
sign expired $BEGIN 20210101000000Z
request self_signed localhost "$LOCAL" "$LEAF"
sign self_signed $BEGIN $END -selfsign
request self_signed_authority localhost "$LOCAL" "$ROOT"
sign self_signed_authority $BEGIN $END -selfsign
request self_signed_impostor localhost "$LOCAL" "$ROOT"
sign self_signed_impostor $BEGIN $END -selfsign
request self_signed_nameless localhost "$ROOT"
sign self_signed_nameless $BEGIN $END -selfsign
rm ca.key
