import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { addScheduleOptions, checkScheduleOptions, type RawScheduleOptions } from '../schedule-options.ts';

export function registerSchedule(program: Command, actions: CliActions, io: CliIo): void {
  const command = program
    .command('schedule')
    .description('draw a home’s plan for a day, and tell what it is worth');
  addScheduleOptions(command).action((raw: RawScheduleOptions) =>
    actions.schedule(checkScheduleOptions(raw), io),
  );
}
