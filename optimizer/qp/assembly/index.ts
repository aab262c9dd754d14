import { dualResidual, makeAnswerRoom, objective, primalResidual } from './answer';
import { makeBarrierRoom } from './barrier';
import { findBend, makeConvexityRoom } from './convexity';
import { makeFactorRoom } from './factor';
import { analyse, fillEntries } from './kkt';
import { limitMemory, sealMemory } from './memory';
import { classifyRows, readSingleRows } from './presolve';
import * as problem from './problem';
import { makeProofRoom, measureCurvature } from './proof';
import { equilibrate, makeScalingRoom } from './scaling';
import { steps } from './solver';

/**
 * The face towards the host: `open`, write the problem where `address` says, `setup`, then `solve` as often
 * as q, l and u change, with `refresh` before it when values of P and A did. One instance holds one problem.
 */

export { isMemoryExhausted } from './memory';

/** `bytes` of memory at most, the first pages that every instance has left aside. */
export function open(variables: i32, constraints: i32, pEntries: i32, aEntries: i32, bytes: f64): void {
  limitMemory(bytes);
  problem.makeRoom(variables, constraints, pEntries, aEntries);
}

/**
 * Analyses the structure of P and A; all memory that solving needs is held afterwards. As `refresh`, it returns
 * -1, or the variable at which P was found not to be convex.
 */
export function setup(): i32 {
  classifyRows();
  analyse();
  makeScalingRoom();
  makeFactorRoom();
  makeBarrierRoom();
  makeAnswerRoom();
  makeProofRoom();
  makeConvexityRoom();
  sealMemory();
  return readValues();
}

/** Takes in new values of P and A at the same places. */
export function refresh(): i32 {
  readSingleRows();
  fillEntries();
  return readValues();
}

function readValues(): i32 {
  equilibrate();
  measureCurvature();
  return findBend();
}

export { solve } from './solver';

/** Addresses of pStart, pRow, pValue, aStart, aRow, aValue, q, l, u, x, y, certificate. */
export function address(field: i32): usize {
  switch (field) {
    case 0: return changetype<usize>(problem.pStart);
    case 1: return changetype<usize>(problem.pRow);
    case 2: return changetype<usize>(problem.pValue);
    case 3: return changetype<usize>(problem.aStart);
    case 4: return changetype<usize>(problem.aRow);
    case 5: return changetype<usize>(problem.aValue);
    case 6: return changetype<usize>(problem.q);
    case 7: return changetype<usize>(problem.l);
    case 8: return changetype<usize>(problem.u);
    case 9: return changetype<usize>(problem.x);
    case 10: return changetype<usize>(problem.y);
    default: return changetype<usize>(problem.certificate);
  }
}

/** Of the last solve: steps, objective, primal residual, dual residual. */
export function figure(which: i32): f64 {
  switch (which) {
    case 0: return <f64>steps;
    case 1: return objective;
    case 2: return primalResidual;
    default: return dualResidual;
  }
}
