export { faultsTolerated, proposerOf, quorum } from './committee.ts';
export type {
  Commit,
  Justification,
  Message,
  OwnMessage,
  Prepare,
  PreparedCertificate,
  PreparedClaim,
  Proposal,
  RoundChange,
  VoteRecord,
} from './messages.ts';
export { type Start, startAgreement, step } from './step.ts';
export type { DecidedHead, Effect, Event, State, Step, TimerName, Timing } from './types.ts';
