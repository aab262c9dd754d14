import type { HomeProblem } from '../../optimizer/index.ts';
import { wholeDayProblem } from '../cycle/agree.ts';
import type { Home } from '../home.ts';

/** For the local socket's `/problem`: what the home plans by, for whoever studies a whole neighbourhood. */
export type ProblemAnswer = { readonly problem?: HomeProblem };

export function problemAnswer(home: Home): ProblemAnswer {
  const { measured } = home.state.journal;
  return measured === undefined ? {} : { problem: wholeDayProblem(home, measured) };
}
