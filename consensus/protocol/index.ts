export { faultsTolerated, proposerOf, quorum } from './committee.ts';
export type {
  Commit,
  Justification,
  Message,
  OwnMessage,
  Prepare,
  PreparedClaim,
  Proposal,
  RoundChange,
  VoteRecord,
} from './messages.ts';
export { type Start, startAgreement, step } from './step.ts';
export type { Effect, Event, State, Step, Timing } from './types.ts';
