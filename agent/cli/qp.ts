import { OptimizerError, type QpLibrary, type QpSolution, type QpSolver } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { loadOptimizerLibrary } from '../optimizer-library.ts';
import { createProgress, lookOf, renderQpTable } from '../terminal/index.ts';
import type { CliIo, QpOptions } from './actions.ts';
import { readQpFile } from './qp-file.ts';
import type { Refusal, RefusedQp, WrittenQp } from './written-qp.ts';

/** What is printed of one problem; numbers that JSON has no word for are null there. */
export type QpAnswer = {
  readonly name: string;
  readonly variables: number;
  readonly constraints: number;
  readonly status: QpSolution['status'] | 'nonConvex' | 'refused';
  /** With the problem's constant. */
  readonly objective: number;
  readonly objectiveWithoutConstant: number;
  readonly iterations: number;
  /** The fastest of several solves, setup apart: the first are slow while their code is being compiled. */
  readonly solveMs: number;
  readonly primalResidual: number;
  readonly dualResidual: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly certificate?: readonly number[];
  /** Of a problem that is none, makes no sense or is not convex: code, why, and where. */
  readonly refusal?: Refusal;
};

/** Time spent on repeated solves of a problem, and their number at most. */
const REPEAT_MS = 60;
const REPEATS_MAX = 25;
/** Progress is told from then on. */
const LONG_MS = 2_000;

/**
 * Solves the problems of a file one after the other and prints what came out.
 *
 * @throws AgentError AGENT_BAD_DATA for a file that cannot be read; after the answers to all problems for one that was refused,
 * and as AGENT_UNSOLVED for one that was not decided.
 */
export async function qp({ file, json }: QpOptions, io: CliIo): Promise<void> {
  const { problems, isArray } = await readQpFile(file);
  const library = await loadOptimizerLibrary();
  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  const begunMs = performance.now();
  let isLong = false;
  const answers: QpAnswer[] = [];
  for (const [k, written] of problems.entries()) {
    if (!isLong && performance.now() - begunMs > LONG_MS) {
      isLong = true;
      progress.begin('solving', problems.length);
    }
    if (isLong) progress.step(k, written.name);
    answers.push(answer(library, written));
  }
  if (isLong) progress.finish(`${problems.length} problems`);
  if (json) io.stdout.write(`${JSON.stringify(isArray ? answers : answers[0])}\n`);
  else io.stdout.write(`${renderQpTable(answers, lookOf(io.stdout, io.env))}\n`);
  requireDecided(answers);
}

function answer(library: QpLibrary, written: WrittenQp | RefusedQp): QpAnswer {
  if ('refusal' in written) return { ...unanswered, status: 'refused', ...written };
  const { name, problem, constant } = written;
  const { variables, constraints } = problem;
  let solver: QpSolver;
  try {
    solver = library.setup(problem);
  } catch (cause) {
    if (!(cause instanceof OptimizerError)) throw cause;
    const status = cause.code === 'OPTIMIZER_NON_CONVEX' ? 'nonConvex' : 'refused';
    const refusal = { code: cause.code, message: inWordsOfFiles(cause.message), ...cause.details };
    return { ...unanswered, name, variables, constraints, status, refusal };
  }
  const begunMs = performance.now();
  const solution = solver.solve();
  let fastestMs = performance.now() - begunMs;
  for (let k = 1; k < REPEATS_MAX && performance.now() - begunMs < REPEAT_MS; k++) {
    const fromMs = performance.now();
    solver.solve(solution);
    fastestMs = Math.min(fastestMs, performance.now() - fromMs);
  }
  const { status, objective, iterations, primalResidual, dualResidual, x, y, certificate } = solution;
  return {
    name,
    variables,
    constraints,
    status,
    objective: objective + constant,
    objectiveWithoutConstant: objective,
    iterations,
    solveMs: Number(fastestMs.toFixed(4)),
    primalResidual,
    dualResidual,
    x: Array.from(x),
    y: Array.from(y),
    ...(certificate && { certificate: Array.from(certificate) }),
  };
}

const unanswered = {
  variables: Number.NaN,
  constraints: Number.NaN,
  objective: Number.NaN,
  objectiveWithoutConstant: Number.NaN,
  iterations: 0,
  solveMs: 0,
  primalResidual: Number.NaN,
  dualResidual: Number.NaN,
  x: [],
  y: [],
} as const;

/** Files say n and m for what the solver calls variables and constraints. */
function inWordsOfFiles(message: string): string {
  return message.replace(/^variables\b/, 'n').replace(/^constraints\b/, 'm');
}

function requireDecided(answers: readonly QpAnswer[]): void {
  const shown = (name: string): string => name.replace(/\p{C}/gu, '?');
  const refused = answers.find(({ refusal }) => refusal !== undefined);
  if (refused?.refusal !== undefined) {
    const { code, message, ...place } = refused.refusal;
    throw new AgentError('AGENT_BAD_DATA', `${shown(refused.name)}: ${message} (${code}): correct it.`, {
      problem: refused.name,
      ...place,
    });
  }
  const undecided = answers.filter(({ status }) => status === 'maxIterations');
  if (undecided.length === 0) return;
  throw new AgentError(
    'AGENT_UNSOLVED',
    `${undecided.length} of ${answers.length} problems not decided, first ${shown(undecided[0]!.name)}.`,
    { problem: undecided[0]!.name },
  );
}
