import { readFileSync } from 'node:fs';
import type { CliActions } from './actions.ts';
import { runCommandLine } from './command-line.ts';
import { errorLine, exitCodes } from './exit-codes.ts';

/** Actions are loaded when they are called: `--help` and a wrong option are answered at once. */
const actions: CliActions = {
  demo: async (options, io) => (await import('./demo.ts')).demo(options, io),
  rounds: async (options, io) => (await import('./rounds.ts')).rounds(options, io),
  run: async (options, io) => (await import('./run.ts')).run(options, io),
  status: async (options, io) => (await import('./status.ts')).status(options, io),
  committee: async (options, io) => (await import('./committee.ts')).committee(options, io),
  prove: async (options, io) => (await import('./prove.ts')).prove(options, io),
  verify: async (options, io) => (await import('./verify.ts')).verify(options, io),
  vote: async (options, io) => (await import('./vote.ts')).vote(options, io),
  schedule: async (options, io) => (await import('./schedule.ts')).schedule(options, io),
  emulate: async (options, io) => (await import('./emulate.ts')).emulate(options, io),
  forecastEvaluate: async (options, io) =>
    (await import('./forecast-evaluate.ts')).forecastEvaluate(options, io),
  qp: async (options, io) => (await import('./qp.ts')).qp(options, io),
  keysNew: async (options, io) => (await import('./keys-new.ts')).keysNew(options, io),
  keysShow: async (options, io) => (await import('./keys-show.ts')).keysShow(options, io),
  keysEncrypt: async (options, io) => (await import('./keys-encrypt.ts')).keysEncrypt(options, io),
  keysRotate: async (options, io) => (await import('./keys-rotate.ts')).keysRotate(options, io),
};

// A reader that has seen enough (`gridquorum demo | head`) is no failure; a full disk is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`${errorLine(error)}\n`);
  process.exit(exitCodes.failed);
});

// What cannot be told any more (the reader has ended, the disk is full) is no reason to leave a home alone.
process.stderr.on('error', () => undefined);

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);
process.exitCode = await runCommandLine(
  process.argv.slice(2),
  actions,
  { stdout: process.stdout, stderr: process.stderr, env: process.env },
  manifest.version,
);
