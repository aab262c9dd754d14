/** Failures of the ledger's edges and refusals of its decoders. Rejections of transactions are values, not errors. */
export type ConsensusErrorCode =
  | 'CONSENSUS_BAD_ENCODING'
  | 'CONSENSUS_TOO_LARGE'
  | 'CONSENSUS_BAD_KEY'
  | 'CONSENSUS_KEY_EXPOSED'
  | 'CONSENSUS_KEY_LOCKED'
  | 'CONSENSUS_BAD_SIGNATURE'
  | 'CONSENSUS_BAD_GENESIS'
  | 'CONSENSUS_WRONG_CHAIN'
  | 'CONSENSUS_BAD_BLOCK'
  | 'CONSENSUS_BAD_CERTIFICATE'
  | 'CONSENSUS_BAD_PROOF'
  | 'CONSENSUS_BAD_MESSAGE'
  | 'CONSENSUS_STORE_CORRUPT'
  | 'CONSENSUS_STORE_LOCKED'
  | 'CONSENSUS_STORE_FULL'
  | 'CONSENSUS_STORE_FAILED'
  | 'CONSENSUS_VOTES_IN_DOUBT'
  | 'CONSENSUS_ABORTED'
  | 'CONSENSUS_TIMEOUT';

export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export class ConsensusError extends Error {
  override readonly name = 'ConsensusError';
  readonly code: ConsensusErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ConsensusErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}
