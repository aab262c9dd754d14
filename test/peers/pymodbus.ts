import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

const script = fileURLToPath(new URL('../../../test/peers/pymodbus_session.py', import.meta.url));

export type PymodbusCommand =
  | { readonly read: 'holding' | 'input'; readonly address: number; readonly count: number }
  | { readonly write: number; readonly values: readonly number[] }
  | { readonly walk: true };

/** What pymodbus, another implementation, gets for these commands; answers in the same order. */
export async function pymodbus(
  { host, port, unitId }: { readonly host: string; readonly port: number; readonly unitId: number },
  commands: readonly PymodbusCommand[],
): Promise<unknown[]> {
  const input = commands.map((command) => `${JSON.stringify(command)}\n`).join('');
  const args = [script, host, String(port), String(unitId)];
  const { status, stdout, stderr } = await run('/usr/bin/python3', args, { input });
  if (status !== 0) throw new Error(`pymodbus ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
