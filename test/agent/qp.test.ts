import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CliIo } from '../../agent/cli/actions.ts';
import { qp } from '../../agent/cli/qp.ts';
import { parseQps } from '../../agent/cli/qps.ts';
import { library } from '../optimizer/homes.ts';
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

t.test('a problem that the solver refuses is told after the others are answered', async (t) => {
  const cases: [text: string, message: RegExp][] = [
    [JSON.stringify([{ ...plain, q: [null] }, contrary]), /plain: q\[0\] is null \(OPTIMIZER_NOT_FINITE\)/],
    [JSON.stringify([{ ...plain, q: ['1'] }, contrary]), /plain: q\[0\] is "1" \(OPTIMIZER_NOT_FINITE\)/],
    [JSON.stringify([{ ...plain, u: ['1'] }, contrary]), /plain: u\[0\] is "1" \(OPTIMIZER_NOT_FINITE\)/],
    [JSON.stringify([{ ...plain, q: '1' }, contrary]), /plain: q is no array \(AGENT_BAD_DATA\)/],
    [JSON.stringify([{ ...plain, n: '1' }, contrary]), /plain: n is no number \(AGENT_BAD_DATA\)/],
    [JSON.stringify([3, contrary]), /problem 1: it is no object \(AGENT_BAD_DATA\)/],
    [JSON.stringify([{ ...plain, l: [1] }, contrary]), /plain: l > u in row 0 \(OPTIMIZER_CROSSED_BOUNDS\)/],
    [
      JSON.stringify([{ ...plain, A: { ...entry(1), rows: [7] } }, contrary]),
      /plain: A\[0\] at \(7, 0\) .*BAD_INDEX/,
    ],
    [
      JSON.stringify([{ ...plain, u: [1, 2] }, contrary]),
      /plain: u has 2 entries, not 1 \(OPTIMIZER_BAD_LENGTH\)/,
    ],
    [JSON.stringify([{ ...plain, n: -1 }, contrary]), /plain: n is -1 \(OPTIMIZER_OUT_OF_RANGE\)/],
  ];
  for (const [text, message] of cases) {
    const { printed, error } = await run(text, true);
    t.match(error, { code: 'AGENT_BAD_DATA', message }, text.slice(0, 80));
    const [refused, other] = JSON.parse(printed) as { status: string; refusal?: { code: string } }[];
    t.match(refused, { status: 'refused', refusal: { code: /^(OPTIMIZER|AGENT)_/, message: /./ } });
    t.equal(other!.status, 'primalInfeasible');
  }
});

t.test('a problem that is not convex is told after the others are answered', async (t) => {
  const { printed, error } = await run(JSON.stringify([bent, plain]), true);
  t.match(JSON.parse(printed), [
    { name: 'bent', status: 'nonConvex', objective: null, refusal: { index: 0 } },
    { name: 'plain', status: 'solved' },
  ]);
  t.match(error, { code: 'AGENT_BAD_DATA', message: /^bent: .*variable 0 \(OPTIMIZER_NON_CONVEX\)/ });
});

/** The example of Maros & Meszaros 1999, and all that their format knows besides. */
const QPS = `* a comment
NAME          QPTEST
ROWS
 N  obj
 G  r1
 L  r2
COLUMNS
    c1        obj       1.5            r1        2.0
    c1        r2        -1.0
    c2        obj       -2.0           r1        1.0
    c2        r2        2.0
RHS
    rhs1      r1        2.0            r2        6.0
BOUNDS
 UP bnd1      c1        20.0
QUADOBJ
    c1        c1        8.0
    c1        c2        2.0
    c2        c2        10.0
ENDATA
`;

t.test('QPS is read', (t) => {
  const { name, problem, constant } = parseQps(QPS, 'a file');
  t.equal(name, 'QPTEST');
  t.equal(constant, 0);
  t.ok(Math.abs(library.setup(problem).solve().objective - 4.371875) < 1e-7);
  const full = QPS.replace('QUADOBJ', 'QMATRIX').replace('ENDATA', '    c2        c1        2.0\nENDATA');
  t.same(parseQps(full, 'a file').problem, problem, 'the full matrix says the same');
  const more = QPS.replace(' L  r2', ' E  r2\n N  spare')
    .replace(
      '    rhs1      r1        2.0            r2        6.0',
      '    rhs1 r1 2\n    obj -7\n    r2 6\nRANGES\n    r r1 4 r2 -3',
    )
    .replace(' UP bnd1      c1        20.0', ' MI b c1\n UP b c1 3\n FX b c2 1.D0\n FR b c2\n UP c2 -1');
  const read = parseQps(more, 'a file');
  t.equal(read.constant, 7);
  t.same(
    [read.problem.l, read.problem.u],
    [
      [2, 3, -Infinity],
      [6, 6, 3],
    ].map((b, k) => [...b, k === 0 ? -Infinity : -1]),
  );
  const wrong: [text: string, message: RegExp][] = [
    [QPS.replace('ENDATA', ''), /ends without ENDATA/],
    [QPS.replace(' G  r1', ' X  r1'), /line 5: a row is N, L, G or E, not X/],
    [QPS.replace(' L  r2', ' L  r1'), /line 6: row r1 is there twice/],
    [
      QPS.replace('r1        2.0            r2', 'r9        2.0            r2'),
      /line 13: there is no row r9/,
    ],
    [QPS.replace(' UP bnd1      c1', ' UP bnd1      c9'), /line 15: there is no column c9/],
    [QPS.replace(' UP bnd1', ' BV bnd1'), /line 15: .* not BV/],
    [QPS.replace('8.0', '8,0'), /line 17: '8,0' is no number/],
    [full.replace('c1        2.0\nENDATA', 'c1        3.0\nENDATA'), /line 18: QMATRIX is not symmetric/],
    [full.replace('    c2        c1        2.0\n', ''), /line 18: QMATRIX is not symmetric/],
    [full.replace('    c1        c2        2.0\n', ''), /line 19: QMATRIX is not symmetric/],
    [full.replace('ENDATA', '    c2        c1        2.0\nENDATA'), /line 21: c2 c1 is there twice/],
    [QPS.replace('RHS', 'SOS'), /line 12: section SOS is not known/],
  ];
  for (const [text, message] of wrong) {
    t.throws(() => parseQps(text, 'a file'), { code: 'AGENT_BAD_DATA', message });
  }
  t.end();
});

t.test('a byte order mark and line ends of other systems are no fault', async (t) => {
  const { printed, error } = await run(
    `\uFEFF${JSON.stringify(plain, null, 1).replaceAll('\n', '\r\n')}`,
    true,
  );
  t.equal(error, undefined);
  t.match(JSON.parse(printed), { name: 'plain', status: 'solved' });
});

t.test('files that are none are refused, problems that are none by name and field', async (t) => {
  const files: [text: string, message: RegExp][] = [
    ['{', /is not JSON \(.*JSON.*\): correct it/],
    ['', /is not JSON \(Unexpected end of JSON input\)/],
    [`\n\u001b[31m${'x'.repeat(200)}`, /is not JSON \([^\p{C}]{1,103}\)/u],
    [JSON.stringify(Array(10_001).fill(0)), /has 10001 problems, more than 10000/],
  ];
  for (const [text, message] of files) {
    const { printed, error } = await run(text, true);
    t.match(error, { code: 'AGENT_BAD_DATA', message }, text.slice(0, 80));
    t.equal(printed, '');
  }
  const problems: [problem: unknown, message: RegExp, field: string][] = [
    [3, /^problem 1: it is no object/, 'it'],
    [{ ...plain, q: undefined }, /^plain: q is no array/, 'q'],
    [{ ...plain, name: 'a\u001b', q: 3 }, /^a\?: q is no array/, 'q'],
    [{ ...plain, r: 'a' }, /^plain: r is no number/, 'r'],
    [{ ...plain, P: [[2]] }, /^plain: P is no object of rows, cols and vals/, 'P'],
    [{ ...plain, A: { rows: [0], cols: [0] } }, /^plain: A\.vals is no array/, 'A.vals'],
    [{ ...plain, P_form: 'full' }, /^plain: P_form is not 'upper'/, 'P_form'],
  ];
  for (const [problem, message, field] of problems) {
    const { printed, error } = await run(JSON.stringify(problem), true);
    t.match(error, { code: 'AGENT_BAD_DATA', message }, String(message));
    t.match(JSON.parse(printed), { status: 'refused', variables: null, refusal: { field } });
  }
});
