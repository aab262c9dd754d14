#!/usr/bin/env bash
# The certificate authority of a Gridquorum network, in a folder of its own (AUTHORITY, default ./authority).
#
#   certificates.sh ca                      makes the authority: ca.crt goes to everybody, ca.key nowhere
#   certificates.sh broker NAME [NAME...]   NAME.crt and NAME.key, for all these DNS names or IP addresses
#   certificates.sh meter NODE-ID [CSR]     NODE-ID.crt; without a signing request NODE-ID.key too
#   certificates.sh revoke NODE-ID          enters it in revoked.crl, which goes to the brokers
#   certificates.sh crl                     renews revoked.crl: brokers let nobody in once it is older than a year
#
# A meter's NODE-ID is the address that `gridquorum keys` shows. Topics and rights are made of it: a-z, 0-9 and hyphens.
set -euo pipefail

authority=${AUTHORITY:-authority}
years_ca=10 days_leaf=730 days_crl=365

die() {
  echo "certificates.sh: $1" >&2
  exit 1
}

require_id() {
  [[ $1 =~ ^[a-z0-9-]{1,64}$ ]] || die "'$1' is no node id: 1 to 64 of a-z, 0-9 and hyphens"
}

require_authority() {
  [ -f "$authority/ca.key" ] || die "no authority in $authority: begin with 'certificates.sh ca'"
  cd "$authority"
}

# Elliptic keys: the handshake of a small meter takes a tenth of the time it takes with RSA.
new_key() {
  (umask 077 && openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null) ||
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1")
}

sign() { # common name, section of extensions, signing request, certificate
  openssl ca -batch -notext -config openssl.cnf -subj "/CN=$1" -extensions "$2" -days "$days_leaf" \
    -in "$3" -out "$4" 2>ca.log || die "openssl refuses to sign: $(tail -n 1 ca.log)"
}

renew_crl() {
  openssl ca -gencrl -config openssl.cnf -crldays "$days_crl" -out revoked.crl 2>ca.log ||
    die "openssl makes no list of the revoked: $(tail -n 1 ca.log)"
}

make_ca() {
  [ ! -e "$authority/ca.key" ] || die "$authority holds an authority already"
  mkdir -p "$authority/issued"
  chmod 700 "$authority"
  cd "$authority"
  : >index.txt
  echo 01 >crlnumber
  cat >openssl.cnf <<'END'
[ca]
default_ca = authority
[authority]
dir = .
database = index.txt
new_certs_dir = issued
rand_serial = yes
crlnumber = crlnumber
certificate = ca.crt
private_key = ca.key
default_md = sha256
unique_subject = no
policy = named
copy_extensions = none
[named]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority_extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[meter]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[broker]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${ENV::BROKER_NAMES}
END
  export BROKER_NAMES=DNS:none
  new_key ca.key
  openssl req -x509 -new -config openssl.cnf -extensions authority_extensions -key ca.key \
    -days $((years_ca * 365)) -subj '/CN=gridquorum brokers' -out ca.crt
  renew_crl
}

make_broker() {
  local names=() name
  for name in "$@"; do
    [[ $name =~ ^[A-Za-z0-9.:-]{1,253}$ ]] || die "'$name' is neither a DNS name nor an IP address"
    if [[ $name =~ ^[0-9.]+$ || $name == *:* ]]; then names+=("IP:$name"); else names+=("DNS:$name"); fi
  done
  BROKER_NAMES=$(IFS=,; echo "${names[*]}")
  export BROKER_NAMES
  new_key "$1.key"
  openssl req -new -config openssl.cnf -key "$1.key" -subj "/CN=${1:0:64}" -out request.csr
  sign "${1:0:64}" broker request.csr "$1.crt"
}

make_meter() {
  require_id "$1"
  local request=${2:-request.csr}
  if [ $# -lt 2 ]; then
    new_key "$1.key"
    openssl req -new -config openssl.cnf -key "$1.key" -subj "/CN=$1" -out request.csr
  fi
  sign "$1" meter "$request" "$1.crt"
}

revoke() {
  require_id "$1"
  # Every one that was issued to it, renewed ones and their forerunners.
  local serials serial
  serials=$(awk -F'\t' -v name="/CN=$1" '$1 == "V" && $6 == name { print $4 }' index.txt)
  [ -n "$serials" ] || die "no valid certificate of $1 was issued by $authority"
  for serial in $serials; do
    openssl ca -config openssl.cnf -revoke "issued/$serial.pem" 2>ca.log ||
      die "openssl does not revoke: $(tail -n 1 ca.log)"
  done
  renew_crl
}

command=${1:-}
[ $# -gt 0 ] && shift
export BROKER_NAMES=DNS:none
case "$command $#" in
'ca 0') make_ca ;;
'broker 0') die 'which names does the broker have?' ;;
broker\ *) require_authority && make_broker "$@" ;;
'meter 1') require_authority && make_meter "$1" ;;
'meter 2') csr=$(realpath "$2") && require_authority && make_meter "$1" "$csr" ;;
'revoke 1') require_authority && revoke "$1" ;;
'crl 0') require_authority && renew_crl ;;
*)
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
