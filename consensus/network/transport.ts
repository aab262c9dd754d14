export type Channel =
  | 'proposal'
  | 'vote'
  | 'transaction'
  | 'block'
  | 'sync-request'
  | 'sync-response'
  | 'snapshot-request'
  | 'snapshot-response';

export const CHANNELS: readonly Channel[] = [
  'proposal',
  'vote',
  'transaction',
  'block',
  'sync-request',
  'sync-response',
  'snapshot-request',
  'snapshot-response',
];

/**
 * What the ledger needs of a network: it may lose, delay, repeat and reorder, and `from` is hearsay. Trust rests on
 * signatures alone. A published message does not come back to its sender; if it does, it is ignored.
 */
export type Transport = {
  /** To all, or to the node named. False when the outbox is full and the message was dropped and counted. */
  publish(message: {
    readonly channel: Channel;
    readonly to?: string;
    readonly payload: Uint8Array;
  }): boolean;
  /** Every way brings every message: copies come, and are dropped here once the first is verified. */
  onMessage(listener: (message: Received) => void): () => void;
  /** True whenever a way comes up, also beside others: something may have been missed. False: none is left. */
  onConnection(listener: (up: boolean) => void): () => void;
  readonly connected: boolean;
};

export type Received = {
  readonly channel: Channel;
  readonly from: string;
  readonly payload: Uint8Array;
  /**
   * Which of several ways (brokers) it came by, counted from 0. Whoever holds one way may say anything in anybody's
   * name there: room and allowances are therefore each way's own.
   */
  readonly via?: number;
};
