"""Checks a light proof with nothing of ours: Python's hashlib, a CBOR encoder and secp256k1 of a few lines each.

    python3 light_verifier.py PROOF CHECKPOINT      both JSON; the checkpoint is a proof of validators that is trusted

Prints one line of JSON: {"proven": bool, "reason": text}. The claim itself (which key belongs to which reading) is the
contract's matter: what is checked here is that entries, transactions and committees are those of the chain.
"""
import functools
import hashlib
import json
import sys

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
     0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


class NotProven(Exception):
    pass


def need(holds, reason):
    if not holds:
        raise NotProven(reason)


# Canonical CBOR (RFC 8949, 4.2.1) of integers, byte strings, text and arrays.

def head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | info]) + argument.to_bytes(width, 'big')
    raise NotProven('an integer beyond 64 bits')


def cbor(value):
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    return head(4, len(value)) + b''.join(cbor(item) for item in value)


def domain(tag, *parts):
    name = b'gridquorum/' + tag.encode()
    return hashlib.sha256(bytes([len(name)]) + name + b''.join(parts)).digest()


# ECDSA on secp256k1, low S, over SHA-256 of the digest (SEC 1, 4.1.4).

def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(point, factor):
    result = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def point_of(key):
    need(len(key) == 33 and key[0] in (2, 3), 'a key is no compressed point')
    x = int.from_bytes(key[1:], 'big')
    y = pow((x**3 + 7) % P, (P + 1) // 4, P)
    need(x < P and y * y % P == (x**3 + 7) % P, 'a key is no point of the curve')
    return x, y if y % 2 == key[0] % 2 else P - y


@functools.cache
def is_signed(digest, signature, key):
    r, s = int.from_bytes(signature[:32], 'big'), int.from_bytes(signature[32:], 'big')
    if len(signature) != 64 or not 0 < r < N or not 0 < s <= N // 2:
        return False
    z = int.from_bytes(hashlib.sha256(digest).digest(), 'big')
    w = pow(s, -1, N)
    point = add(times(G, z * w % N), times(point_of(key), r * w % N))
    return point is not None and point[0] % N == r


# Blocks and committees.

def digest_of(header):
    names = ('parent', 'proposer', 'transactionsRoot', 'stateRoot', 'receiptsRoot', 'validatorsHash')
    raw = {name: bytes.fromhex(header[name]) for name in names}
    return domain('block', cbor([
        header['version'], header['height'], raw['parent'], raw['proposer'], header['timeMs'],
        raw['transactionsRoot'], raw['stateRoot'], raw['receiptsRoot'], raw['validatorsHash'],
    ]))


def committee_hash(validators):
    members = [[bytes.fromhex(v['address']), bytes.fromhex(v['publicKey'])] for v in validators]
    return domain('validators', cbor(members)).hex()


def check_seals(genesis, header, certificate, validators):
    seals = certificate['seals']
    need(3 * len(seals) >= 2 * len(validators), 'too few seals')
    message = domain('commit', cbor([
        bytes.fromhex(genesis), header['height'], certificate['round'], digest_of(header)]))
    last = -1
    for seal in seals:
        need(last < seal['signer'] < len(validators), 'seals out of order, or of a stranger')
        last = seal['signer']
        key = bytes.fromhex(validators[last]['publicKey'])
        need(is_signed(message, bytes.fromhex(seal['signature']), key), 'a seal is not genuine')


# Ways to the roots.

def check_entry(root, entry):
    path = hashlib.sha256(cbor(entry['key'])).digest()
    other = entry['other']
    if entry['value'] is not None:
        need(other is None, 'an entry that is there and is not')
        node = domain('state-entry', path, domain('state-value', bytes.fromhex(entry['value'])))
    elif other is None:
        node = bytes(32)
    else:
        need(bytes.fromhex(other['path']) != path, 'an absent entry shown by itself')
        node = domain('state-entry', bytes.fromhex(other['path']), bytes.fromhex(other['valueHash']))
    for depth in reversed(range(len(entry['siblings']))):
        sibling = bytes.fromhex(entry['siblings'][depth])
        is_right = path[depth // 8] >> (7 - depth % 8) & 1
        node = domain('state-branch', *((sibling, node) if is_right else (node, sibling)))
    need(node.hex() == root, 'an entry is not in the state')


def merkle(leaf, index, count, path):
    if count == 1:
        need(not path, 'a path too long')
        return leaf
    need(bool(path), 'a path too short')
    split = 1
    while split * 2 < count:
        split *= 2
    if index < split:
        return domain('merkle-node', merkle(leaf, index, split, path[:-1]), path[-1])
    return domain('merkle-node', path[-1], merkle(leaf, index - split, count - split, path[:-1]))


def check_transaction(root, evidence):
    need(0 <= evidence['index'] < evidence['count'], 'a place beyond the list')
    leaf = domain('merkle-transaction', bytes.fromhex(evidence['transaction']))
    path = [bytes.fromhex(sibling) for sibling in evidence['path']]
    need(merkle(leaf, evidence['index'], evidence['count'], path).hex() == root, 'no transaction of the block')


def check(proof, checkpoint):
    need(proof['format'] == 'gridquorum-proof-1', 'another format')
    genesis, header = proof['genesis'], proof['header']
    need(genesis == checkpoint['genesis'], 'another chain')
    need(checkpoint['evidence']['kind'] == 'validators', 'no checkpoint')
    validators, height = checkpoint['evidence']['validators'], checkpoint['header']['height']
    need(committee_hash(validators) == checkpoint['header']['validatorsHash'], 'no checkpoint')
    need(header['height'] >= height, 'before the checkpoint')
    reached = height
    for change in proof['committees']:
        if change['header']['height'] <= height:
            continue
        need(reached < change['header']['height'] < header['height'], 'a change of the committee out of order')
        check_seals(genesis, change['header'], change['certificate'], validators)
        validators, reached = change['validators'], change['header']['height']
        need(committee_hash(validators) == change['header']['validatorsHash'], 'another committee')
    if header['height'] == height:
        need(digest_of(header) == digest_of(checkpoint['header']), 'another block than the checkpoint')
    else:
        check_seals(genesis, header, proof['certificate'], validators)
    evidence = proof['evidence']
    if evidence['kind'] == 'state':
        need(bool(evidence['entries']), 'nothing shown')
        for entry in evidence['entries']:
            check_entry(header['stateRoot'], entry)
    elif evidence['kind'] == 'transaction':
        check_transaction(header['transactionsRoot'], evidence)
    else:
        need(committee_hash(evidence['validators']) == header['validatorsHash'], 'another committee')


def answer(proof, checkpoint):
    try:
        check(proof, checkpoint)
        return {'proven': True, 'reason': ''}
    except NotProven as fault:
        return {'proven': False, 'reason': str(fault)}
    except (KeyError, IndexError, TypeError, ValueError) as fault:
        return {'proven': False, 'reason': f'not the shape of a proof: {fault!r}'}


if __name__ == '__main__':
    # Many proofs against one checkpoint: a list of them is answered by a list.
    given, trusted = (json.load(open(name, encoding='utf8')) for name in sys.argv[1:3])
    print(json.dumps([answer(one, trusted) for one in given] if isinstance(given, list) else answer(given, trusted)))
