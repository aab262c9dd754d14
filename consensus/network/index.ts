export {
  decodeEnvelope,
  decodeVoteRecord,
  type Envelope,
  encodeEnvelope,
  encodeVoteRecord,
  type SnapshotOffer,
  WIRE_LIMITS,
} from './codec.ts';
export { createCopies } from './copies.ts';
export { createGate, type Gate } from './gate.ts';
export { createQuota, type Quota } from './quota.ts';
export { isGenuine, signedDigest } from './signing.ts';
export { CHANNELS, type Channel, type Received, type Transport } from './transport.ts';
