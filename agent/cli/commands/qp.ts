import type { Command } from 'commander';
import type { CliActions, CliIo } from '../actions.ts';
import { path } from '../option-values.ts';

export function registerQp(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('qp')
    .description('solve quadratic programs: minimise 1/2 x’Px + q’x + r subject to l <= Ax <= u')
    .argument(
      '<file>',
      'problems as JSON (docs/qp.md), one as .qps or .mps, or - for JSON from standard input',
    )
    .option('--json', 'answers as JSON, with x, y and certificates')
    .addHelpText('after', '\nExit status: 0 all decided, 1 some not, 2 a problem was refused.\n')
    .action((file: string, raw: { json?: boolean }) =>
      actions.qp({ file: path('<file>', file), json: raw.json === true }, io),
    );
}
