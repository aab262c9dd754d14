import { blank, dualResidual, makeAnswerRoom, objective, primalResidual } from './answer';
import { makeBarrierRoom } from './barrier';
import { isConvex } from './convexity';
import { makeFactorRoom } from './factor';
import { analyse } from './kkt';
import { classifyRows } from './presolve';
import * as problem from './problem';
import { makeProofRoom } from './proof';
import { equilibrate } from './scaling';
import * as solver from './solver';

/**
 * The face towards the host: `open`, write the problem where `address` says, `setup`, then `solve` as often
 * as q, l and u change. One instance holds one problem.
 */

export { isMemoryExhausted } from './memory';

let convex: bool = true;

export function open(variables: i32, constraints: i32, pEntries: i32, aEntries: i32): void {
  problem.makeRoom(variables, constraints, pEntries, aEntries);
}

/** Analyses structure and values of P and A; all memory that solving needs is held afterwards. */
export function setup(): void {
  classifyRows();
  analyse();
  equilibrate();
  makeFactorRoom();
  makeBarrierRoom();
  makeAnswerRoom();
  makeProofRoom();
  convex = isConvex();
}

export function solve(limit: i32, epsAbsolute: f64, epsRelative: f64, warm: bool): i32 {
  if (convex) return solver.solve(limit, epsAbsolute, epsRelative, warm);
  blank(NaN);
  return solver.NON_CONVEX;
}

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
    case 0: return <f64>solver.steps;
    case 1: return objective;
    case 2: return primalResidual;
    default: return dualResidual;
  }
}
