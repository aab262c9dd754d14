import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { checkDemoOptions, demoCommand, type RawDemoOptions } from '../demo-options.ts';

export function registerDemo(program: Command, actions: CliActions, io: CliIo): void {
  program.addCommand(demoCommand().action((raw: RawDemoOptions) => actions.demo(checkDemoOptions(raw), io)));
}
