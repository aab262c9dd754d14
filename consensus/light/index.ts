export { type ProofMade, type ProofSource, proveCheckpoint, proveClaim } from './prove.ts';
export { type Verified, verifyCheckpoint, verifyClaim } from './verify.ts';
