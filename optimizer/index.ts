export { defaultSessionParameters, warmSessionParameters } from './admm/defaults.ts';
export { eliminate, type Neighbour, poolTerms, toOfferMw } from './admm/home-side.ts';
export {
  clearPairwise,
  closePairwiseRound,
  openPairwise,
  type PairwiseOffer,
  pairTargets,
} from './admm/pairwise.ts';
export { payments } from './admm/payments.ts';
export { clearPool, closePoolRound, openPool } from './admm/pool.ts';
export { costTogether, type RoundsResult, runRounds } from './admm/run-rounds.ts';
export type { Cleared, SessionParameters } from './admm/session.ts';
export { OptimizerError, type OptimizerErrorCode } from './errors.ts';
export {
  createForecaster,
  type Forecast,
  type Forecaster,
  type ForecastRequest,
  forecastSlots,
  type ObservedSlot,
  observeSlot,
} from './forecast/forecaster.ts';
export { profileForecast } from './forecast/profile.ts';
export { restoreForecaster } from './forecast/restore.ts';
export type { Location } from './forecast/sun.ts';
export { type Accuracy, type SlotErrors, type WalkForward, walkForward } from './forecast/walk-forward.ts';
export { createOptimizerLibrary, type OptimizerLibrary } from './library.ts';
export {
  createHomePlanner,
  type HomePlanner,
  type RoundResponse,
  type RoundTerms,
} from './prosumer/home-planner.ts';
export { buildHomeQp } from './prosumer/home-qp.ts';
export { indoorCAtEnd } from './prosumer/house.ts';
export { type NeighbourhoodPlan, planNeighbourhood } from './prosumer/neighbourhood.ts';
export { netOutCycling } from './prosumer/net-cycling.ts';
export { planHome } from './prosumer/plan-home.ts';
export type * from './prosumer/types.ts';
export { type PlanValue, type Saving, savingOf, valueOfPlan, type Way } from './prosumer/value.ts';
export { createQpLibrary } from './qp/index.ts';
export type * from './qp/types.ts';
