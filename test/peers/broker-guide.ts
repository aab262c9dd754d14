import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

/** The folder whose files an operator installs. */
export const shippedFolder = fileURLToPath(new URL('../../../drivers/mqtt/mosquitto/', import.meta.url));

const steps = {
  request: 'openssl req',
  authority: 'certificates.sh ca',
  broker: 'conf.d/gridquorum.conf',
  secondBroker: 'second.conf',
} as const;

/**
 * Types what docs/brokers.md tells an operator to type for one step, word for word but for names and places.
 *
 * @param replaced what stands on the page, and what is meant here.
 * @throws Error with what the shell says.
 */
export async function typeGuide(
  step: keyof typeof steps,
  { folder, replaced }: { readonly folder: string; readonly replaced: Readonly<Record<string, string>> },
): Promise<void> {
  const page = await readFile(new URL('../../../docs/brokers.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
  const block = blocks.find((one) => one.includes(steps[step]));
  if (block === undefined) throw new Error(`docs/brokers.md has no command with ${steps[step]}.`);
  // Only root gives files away, and only where there is systemd can it be told of them.
  const isRoot = process.getuid?.() === 0;
  const typed = (isRoot ? block : block.replaceAll(' -o mosquitto', '')).replace(/^.*systemctl.*\n/gm, '');
  const { status, stderr } = await run('env', ['-C', folder, 'bash', '-euc', spoken(typed, replaced)]);
  if (status !== 0) throw new Error(`docs/brokers.md, ${step}: ${stderr}`);
}

const spoken = (text: string, replaced: Readonly<Record<string, string>>) =>
  Object.entries(replaced).reduce((said, [from, to]) => said.replaceAll(from, to), text);

/** A host's `/etc/mosquitto` and what belongs to it, in a folder: its Debian file is `mosquitto.conf`. */
export async function brokerHost(
  folder: string,
  { authority, broker }: { authority: string; broker: string },
) {
  const replaced = {
    '/etc/mosquitto': join(folder, 'etc'),
    '/var/lib/mosquitto': join(folder, 'lib'),
    '/lib/systemd/system/mosquitto.service': join(folder, 'mosquitto.service'),
    '/etc/systemd/system': folder,
    $AUTHORITY: authority,
    'broker.example': broker,
  };
  await mkdir(join(folder, 'etc/conf.d'), { recursive: true });
  await mkdir(join(folder, 'lib'));
  await chmod(join(folder, 'lib'), 0o777);
  await writeFile(join(folder, 'mosquitto.service'), `ExecStart=mosquitto -c ${folder}/etc/mosquitto.conf\n`);
  // As the package of Debian 12 has it.
  const debian = [
    `pid_file ${folder}/mosquitto.pid`,
    'persistence true',
    `persistence_location ${folder}/lib/`,
    `log_dest file ${folder}/mosquitto.log`,
    `include_dir ${folder}/etc/conf.d`,
  ];
  const main = join(folder, 'etc/mosquitto.conf');
  await writeFile(main, `${debian.join('\n')}\n`);
  /** Sets up what the guide says; answers the file that the service starts with. */
  const install = async (step: 'broker' | 'secondBroker', port: number): Promise<string> => {
    await typeGuide(step, { folder: shippedFolder, replaced });
    for (const name of ['conf.d/gridquorum.conf', 'second.conf']) {
      const file = join(folder, 'etc', name);
      if (!existsSync(file)) continue;
      const text = spoken(await readFile(file, 'utf8'), replaced);
      await writeFile(file, text.replace(/^listener 888[34]$/m, `listener ${port} 127.0.0.1`));
    }
    return step === 'broker' ? main : join(folder, 'etc/second.conf');
  };
  return { install };
}
