import { type Hash, VALIDATORS_MAX } from '../contract/types.ts';
import { domainHash, fromHex, sign, verify } from '../crypto/index.ts';
import { type CborValue, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { quorum } from '../protocol/index.ts';
import { readArray, readBytes, readCount } from './fields.ts';
import type { Certificate, Seal, Validator } from './types.ts';

/** What a seal stands for: this block, at this height, committed in this round, on this chain. */
export type Sealed = {
  readonly genesis: Hash;
  readonly height: number;
  readonly round: number;
  readonly digest: Hash;
};

export type CertificateFault =
  | 'CHAIN_SEALS_UNSORTED'
  | 'CHAIN_SEAL_UNKNOWN_SIGNER'
  | 'CHAIN_SEAL_BAD_SIGNATURE'
  | 'CHAIN_SEALS_TOO_FEW';

/** The 32 bytes that a Commit signs. The round is in them: seals of different rounds never add up. */
export function sealDigest({ genesis, height, round, digest }: Sealed): Uint8Array {
  return domainHash('commit', encode([fromHex(genesis), BigInt(height), BigInt(round), fromHex(digest)]));
}

/** @throws ConsensusError CONSENSUS_BAD_KEY */
export function signSeal(sealed: Sealed, privateKey: Uint8Array): Uint8Array {
  return sign(sealDigest(sealed), privateKey);
}

/**
 * Gathers commits of one round into a certificate, ascending by signer, each signer once; a quorum of them is kept,
 * no more. Commits of strangers are left out.
 * @param validators sorted by address
 */
export function gatherCertificate(
  commits: readonly { readonly author: string; readonly signature: Uint8Array }[],
  { round, validators }: { readonly round: number; readonly validators: readonly Validator[] },
): Certificate {
  const seals: Seal[] = [];
  for (const [signer, { address }] of validators.entries()) {
    const commit = commits.find(({ author }) => author === address);
    if (commit !== undefined && seals.length < quorum(validators.length)) {
      seals.push({ signer, signature: commit.signature });
    }
  }
  return { round, seals };
}

/**
 * Why the certificate does not make the block final, or null if it does. Counts distinct SIGNERS, never signatures,
 * and only of the certificate's one round. A single bad seal spoils it: nothing is skipped over.
 * @param validators of the block's height, sorted by address
 */
export function checkCertificate(
  certificate: Certificate,
  { validators, ...sealed }: Omit<Sealed, 'round'> & { readonly validators: readonly Validator[] },
): CertificateFault | null {
  const { round, seals } = certificate;
  if (seals.length < quorum(validators.length)) return 'CHAIN_SEALS_TOO_FEW';
  let previous = -1;
  for (const { signer } of seals) {
    if (signer <= previous) return 'CHAIN_SEALS_UNSORTED';
    if (signer >= validators.length) return 'CHAIN_SEAL_UNKNOWN_SIGNER';
    previous = signer;
  }
  const message = sealDigest({ ...sealed, round });
  const genuine = seals.every(({ signer, signature }) =>
    verify(message, signature, validators[signer]!.publicKey),
  );
  return genuine ? null : 'CHAIN_SEAL_BAD_SIGNATURE';
}

export function certificateFields({ round, seals }: Certificate): CborValue {
  return [BigInt(round), seals.map(({ signer, signature }) => [BigInt(signer), signature])];
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeCertificateFields(value: CborValue | undefined): Certificate {
  const fields = readArray(value, 'certificate', 2);
  const seals = readArray(fields[1], 'seals');
  if (seals.length > VALIDATORS_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'more seals than a committee has members', {
      seals: seals.length,
    });
  }
  return { round: readCount(fields[0], 'round'), seals: seals.map(readSeal) };
}

function readSeal(value: CborValue): Seal {
  const fields = readArray(value, 'seal', 2);
  return { signer: readCount(fields[0], 'signer'), signature: readBytes(fields[1], 'signature', 64) };
}
