export { faultsTolerated, proposerOf, quorum } from './committee.ts';
export {
  type Commit,
  digestOf,
  type Justification,
  type Message,
  type OwnMessage,
  type Prepare,
  type PreparedClaim,
  type Proposal,
  type RoundChange,
  type VoteRecord,
} from './messages.ts';
export { type Start, startAgreement, step } from './step.ts';
export type { Effect, Event, State, Step, Timing } from './types.ts';
