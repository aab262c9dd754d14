import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CliIo } from '../../agent/cli/actions.ts';
import { qp } from '../../agent/cli/qp.ts';
import { withDirectory } from './csv-fixture.ts';

type Answer = {
  readonly name: string;
  readonly status: string;
  readonly objective: number | null;
  readonly [field: string]: unknown;
};

/** Runs the command on the given text as a file; what it printed, and what it threw. */
async function run(text: string, json: boolean) {
  let printed = '';
  const stream = { write: (piece: string) => (printed += piece) };
  const silent = { write: () => true };
  const io = { stdout: stream, stderr: silent, env: { LANG: 'C.UTF-8' } } as unknown as CliIo;
  let error: unknown;
  await withDirectory({ 'problems.json': text }, async (directory) => {
    await qp({ file: join(directory, 'problems.json'), json }, io).catch((thrown: unknown) => {
      error = thrown;
    });
  });
  return { printed, error };
}

const entry = (value: number) => ({ rows: [0], cols: [0], vals: [value] });
const plain = { name: 'plain', n: 1, m: 1, P: entry(2), A: entry(1), q: [-2], l: [null], u: [0.5], r: 1 };
const contrary = {
  n: 1,
  m: 2,
  A: { rows: [0, 1], cols: [0, 0], vals: [1, 1] },
  q: [1],
  l: [2, null],
  u: [null, 1],
};
const endless = { name: 'endless', n: 1, m: 0, q: [1], l: [], u: [] };
const bent = { name: 'bent', n: 1, m: 0, P: entry(-2), q: [1], l: [], u: [] };

t.test('answers of every kind, as JSON', async (t) => {
  const { printed, error } = await run(JSON.stringify([plain, contrary, endless]), true);
  t.equal(error, undefined);
  const [solved, infeasible, unbounded] = JSON.parse(printed) as [Answer, Answer, Answer];
  t.match(solved, { name: 'plain', status: 'solved', iterations: Number, solveMs: Number });
  t.ok(Math.abs(solved.objective! - 0.25) < 1e-8, 'the constant is in it');
  t.ok(Math.abs(Number(solved.objectiveWithoutConstant) + 0.75) < 1e-8);
  t.ok((solved.x as number[]).length === 1 && Math.abs((solved.y as number[])[0]! - 1) < 1e-7);
  t.ok(Number(solved.primalResidual) <= 1e-8 && Number(solved.dualResidual) <= 1e-8);
  t.match(infeasible, {
    name: 'problem 2',
    status: 'primalInfeasible',
    objective: null,
    certificate: [-1, 1],
  });
  t.match(unbounded, { name: 'endless', status: 'dualInfeasible', objective: null, certificate: [-1] });
});

t.test('one problem is answered by one object', async (t) => {
  const { optimum, P, A, ...rest } = JSON.parse(
    readFileSync(new URL('../../../test/vectors/qp/prosumer-24.json', import.meta.url), 'utf8'),
  );
  const written = (matrix: { rows: number[]; columns: number[]; values: number[] }) => ({
    rows: matrix.rows,
    cols: matrix.columns,
    vals: matrix.values,
  });
  const home = { ...rest, n: rest.variables, m: rest.constraints, P: written(P), A: written(A) };
  const { printed, error } = await run(JSON.stringify(home), true);
  t.equal(error, undefined);
  const { objective } = JSON.parse(printed) as Answer;
  t.ok(Math.abs(objective! - optimum) <= 1e-8 * Math.abs(optimum), `${objective}`);
});

t.test('a table for people', async (t) => {
  const { printed } = await run(JSON.stringify([plain, contrary, endless]), false);
  const lines = printed.trimEnd().split('\n');
  t.ok(lines.every((line) => line.length <= 80));
  t.match(printed, /plain +│solved +│0\.250000/);
  t.match(printed, /problem 2 +│primalInfeasible +│ +inf │/);
  t.match(printed, /endless +│dualInfeasible +│ +-inf │/);
});

t.test('a problem that is not convex is told after the others are answered', async (t) => {
  const { printed, error } = await run(JSON.stringify([bent, plain]), true);
  t.match(JSON.parse(printed), [
    { name: 'bent', status: 'nonConvex', objective: null },
    { name: 'plain', status: 'solved' },
  ]);
  t.match(error, { code: 'AGENT_BAD_DATA', message: /^bent: .*variable 0 \(OPTIMIZER_NON_CONVEX\)/ });
});

t.test('wrong files are refused with problem and place', async (t) => {
  const cases: [text: string, message: RegExp][] = [
    ['{', /is not JSON/],
    ['3', /problem 1 is no object/],
    [JSON.stringify([plain, []]), /problem 2 is no object/],
    [JSON.stringify({ ...plain, q: undefined }), /problem 1 'plain', q is no array/],
    [JSON.stringify({ ...plain, q: ['1'] }), /'plain', q\[0\] is no number/],
    [JSON.stringify({ ...plain, q: [null] }), /plain: q\[0\] is NaN \(OPTIMIZER_NOT_FINITE\)/],
    [JSON.stringify({ ...plain, l: [1] }), /plain: l > u in row 0 \(OPTIMIZER_CROSSED_BOUNDS\)/],
    [JSON.stringify({ ...plain, A: { ...entry(1), rows: [7] } }), /plain: A\[0\] at \(7, 0\) .*BAD_INDEX/],
    [JSON.stringify({ ...plain, u: [1, 2] }), /plain: u has 2 entries, not 1 \(OPTIMIZER_BAD_LENGTH\)/],
    [JSON.stringify({ ...plain, n: '1' }), /'plain', n is no number/],
    [JSON.stringify({ ...plain, r: 'a' }), /'plain', r is no number/],
    [JSON.stringify({ ...plain, P: [[2]] }), /'plain', P is no object/],
    [JSON.stringify({ ...plain, P_form: 'full' }), /P_form is not 'upper'/],
  ];
  for (const [text, message] of cases) {
    const { printed, error } = await run(text, true);
    t.match(error, { code: 'AGENT_BAD_DATA', message }, text.slice(0, 80));
    t.equal(printed, '');
  }
});
