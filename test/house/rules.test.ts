import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const run = (command: string, args: string[], cwd = root) =>
  spawnSync(join(root, 'node_modules/.bin', command), args, { cwd, encoding: 'utf8' });

t.test('the arrows hold, and a planted violation of each rule is caught', (t) => {
  const cruise = (...folders: string[]) => {
    const { stdout } = run('depcruise', [
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'json',
      ...folders,
    ]);
    return JSON.parse(stdout).summary.violations as { rule: { name: string }; from: string }[];
  };
  t.same(cruise('agent', 'consensus', 'drivers', 'optimizer'), [], 'the house itself is clean');

  const caught = cruise('test/planted').map(
    ({ rule, from }) => `${rule.name}: ${from.replace('test/planted/', '')}`,
  );
  for (const expected of [
    'consensus-knows-only-itself: consensus/upward.ts',
    'drivers-knows-only-itself: drivers/sideways.ts',
    'optimizer-knows-only-itself: optimizer/across.ts',
    'enter-by-the-front-door: agent/side-door.ts',
    'pure-cores: consensus/chain/reads-a-file.ts',
    'no-circles: drivers/circle-one.ts',
  ]) {
    t.ok(caught.includes(expected), expected);
  }
  t.end();
});

t.test('a core that reads a clock or draws a number is refused by the linter', (t) => {
  // A house of its own with the same rules, so that nothing is planted in the real one.
  const house = t.testdir({
    'biome.json': readFileSync(join(root, 'biome.json'), 'utf8').replace(
      '"enabled": true, "clientKind"',
      '"enabled": false, "clientKind"',
    ),
    test: { lint: { 'no-chance.grit': readFileSync(join(root, 'test/lint/no-chance.grit'), 'utf8') } },
    consensus: {
      contract: {
        'clock.ts': 'export const x = Date.now();\n',
        'chance.ts': 'export const x = Math.random();\n',
        'node.ts': 'export const x = Buffer.alloc(1);\n',
        'honest.ts': 'export const x = 1;\n',
      },
    },
    agent: { 'clock.ts': 'export const x = Date.now();\n' },
  });
  const lint = (file: string) => run('biome', ['lint', file], house);
  t.match(lint('consensus/contract/clock.ts').stderr, /A core reads no clock/);
  t.match(lint('consensus/contract/chance.ts').stderr, /draws no randomness/);
  t.match(lint('consensus/contract/node.ts').stderr, /not bound to Node/);
  t.equal(lint('consensus/contract/honest.ts').status, 0, 'an honest line passes');
  t.equal(lint('agent/clock.ts').status, 0, 'at the edge a clock is read');
  t.end();
});

t.test('the package holds what it promises, and none of the tests', (t) => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = new Set(files.map(({ path }) => path));
  const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const promised = [bin, ...Object.values(exports)].flatMap((each) =>
    typeof each === 'string' ? [each] : Object.values(each as Record<string, string>),
  );
  for (const path of promised) t.ok(paths.has(path.replace('./', '')), path);
  t.ok(paths.has('agent/config/example.yaml'), 'what docs/running.md points to');
  t.same(
    [...paths].filter((path) => /test|tsbuildinfo|\.map$/.test(path)),
    [],
  );
  t.end();
});

t.test('the command of the tests is the one that CI runs', (t) => {
  t.match(readFileSync(join(root, '.ci/run'), 'utf8'), /npm ci\nnpm test\n/);
  t.end();
});
