export { defaultSessionParameters } from './admm/defaults.ts';
export { type Elimination, eliminate, type Neighbour, poolTerms, toOfferMw } from './admm/home-side.ts';
export {
  clearPairwise,
  closePairwiseRound,
  openPairwise,
  type Pair,
  type PairwiseOffer,
  type PairwiseState,
} from './admm/pairwise.ts';
export { payments } from './admm/payments.ts';
export { clearPool, closePoolRound, openPool, type PoolState } from './admm/pool.ts';
export { costTogether, type RoundsResult, type RoundsStudy, runRounds } from './admm/run-rounds.ts';
export type { Cleared, Opening, RoundReport, Series, SessionParameters } from './admm/session.ts';
export { OptimizerError, type OptimizerErrorCode } from './errors.ts';
export {
  emptyHistory,
  type Forecast,
  type Observation,
  observeSlot,
  persistenceForecast,
  type SlotHistory,
} from './forecast/persistence.ts';
export { profileForecast } from './forecast/profile.ts';
export {
  createHomePlanner,
  type HomePlanner,
  type RoundResponse,
  type RoundTerms,
} from './prosumer/home-planner.ts';
export { buildHomeQp, type HomeLayout, type HomeQp, type HomeQpOptions } from './prosumer/home-qp.ts';
export { type NeighbourhoodPlan, planNeighbourhood } from './prosumer/neighbourhood.ts';
export { netOutCycling } from './prosumer/net-cycling.ts';
export { planHome } from './prosumer/plan-home.ts';
export type * from './prosumer/types.ts';
export { createQpLibrary } from './qp/index.ts';
export type * from './qp/types.ts';
