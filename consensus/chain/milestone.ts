import { type Hash, VALIDATORS_MAX } from '../contract/types.ts';
import { fromHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { blockDigest, headerFields, readHeader, validatorsHash } from './block.ts';
import {
  type CertificateFault,
  certificateFields,
  checkCertificate,
  decodeCertificateFields,
} from './certificate.ts';
import { readAddress, readArray, readBytes } from './fields.ts';
import type { Certificate, Head, Header, Validator } from './types.ts';

/**
 * A block that stays known for ever by its header and seals: the last one of an epoch, or one that changed the
 * committee. From one trusted committee to the next, they lead to the seals of any height.
 */
export type Milestone = {
  readonly header: Header;
  readonly certificate: Certificate;
  /** Sorted by address: who decides from the next height on, where this block changed it; null where it did not. */
  readonly validators: readonly Validator[] | null;
};

/** A height whose committee is known and believed: a genesis, what somebody handed over, or what follows from these. */
export type Checkpoint = {
  /** Of the chain. */
  readonly genesis: Hash;
  readonly height: number;
  /** Of the block there. */
  readonly digest: Hash;
  /** Sorted by address: they decide on the next height. */
  readonly validators: readonly Validator[];
};

export type MilestoneFault =
  | CertificateFault
  /** Not above the height that is trusted. */
  | 'CHAIN_WRONG_HEIGHT'
  /** It names another committee than the one that comes with it, or that decided before. */
  | 'CHAIN_WRONG_ROOT';

const MILESTONE_BYTES_MAX = 128 * 1024;

export function checkpointOf({ genesis, height, digest, validators }: Head): Checkpoint {
  return { genesis, height, digest, validators };
}

/** The next height that can be trusted, if the milestone is sealed by those who are trusted now. */
export function followMilestone(
  trusted: Checkpoint,
  { header, certificate, validators: named }: Milestone,
):
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly code: MilestoneFault } {
  const { genesis } = trusted;
  const { height } = header;
  if (height <= trusted.height) return { ok: false, code: 'CHAIN_WRONG_HEIGHT' };
  const digest = blockDigest(header);
  const fault = checkCertificate(certificate, { genesis, height, digest, validators: trusted.validators });
  if (fault !== null) return { ok: false, code: fault };
  const validators = named ?? trusted.validators;
  if (header.validatorsHash !== validatorsHash(validators)) return { ok: false, code: 'CHAIN_WRONG_ROOT' };
  return { ok: true, checkpoint: { genesis, height, digest, validators } };
}

export function encodeMilestone(milestone: Milestone): Uint8Array {
  const { header, certificate, validators } = milestone;
  return encode([
    headerFields(header),
    certificateFields(certificate),
    validators?.map(({ address, publicKey }) => [fromHex(address), publicKey]) ?? null,
  ]);
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeMilestone(bytes: Uint8Array): Milestone {
  const fields = readArray(decode(bytes, { maxBytes: MILESTONE_BYTES_MAX, maxDepth: 4 }), 'milestone', 3);
  return {
    header: readHeader(fields[0]),
    certificate: decodeCertificateFields(fields[1]),
    validators: fields[2] === null ? null : readValidators(fields[2]),
  };
}

function readValidators(value: CborValue | undefined): Validator[] {
  const members = readArray(value, 'validators');
  if (members.length === 0 || members.length > VALIDATORS_MAX) {
    throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'no committee has so many members', {
      members: members.length,
    });
  }
  return members.map((member) => {
    const fields = readArray(member, 'validator', 2);
    return { address: readAddress(fields[0], 'address'), publicKey: readBytes(fields[1], 'publicKey', 33) };
  });
}
