#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { AgentError } from '../errors.ts';
import type { CliActions } from './actions.ts';
import { runCommandLine } from './command-line.ts';

/** Actions are loaded when they are called: `--help` and a wrong option are answered at once. */
const actions: CliActions = {
  demo: () => absent('demo'),
  run: () => absent('run'),
  status: () => absent('status'),
  emulate: () => absent('emulate'),
  keysNew: async (options, io) => (await import('./keys-new.ts')).keysNew(options, io),
};

function absent(command: string): Promise<never> {
  throw new AgentError('AGENT_CHILD_FAILED', `${command} is not part of this build.`);
}

// A reader that has seen enough (`gridquorum demo | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

const manifest: { version: string } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);
process.exitCode = await runCommandLine(
  process.argv.slice(2),
  actions,
  { stdout: process.stdout, stderr: process.stderr, env: process.env },
  manifest.version,
);
