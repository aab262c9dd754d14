import { readDevices } from '../../consensus/index.ts';
import type { Home } from '../home.ts';
import { submit } from '../ledger.ts';

/**
 * The distribution operator's part, thin as yet: it qualifies each device that the homes of its network have
 * registered, at once. Limits of the grid follow with the operating envelopes.
 */
export async function qualifyDevices(
  home: Home,
  prosumers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { node, log } = home;
  const asked = new Set<string>();
  const look = async () => {
    if (node.isCatchingUp()) return;
    for (const owner of prosumers) {
      for (const device of readDevices(node.head.state, owner)) {
        if (device.status !== 'registered' || asked.has(device.deviceId)) continue;
        asked.add(device.deviceId);
        await submit(home, 'registry.qualifyDevice', { owner, deviceId: device.deviceId });
      }
    }
  };
  let queue = look();
  const lookAgain = () => {
    queue = queue.then(look).catch((error) => log({ event: 'qualification-failed', level: 'error', error }));
  };
  for (const stop of [node.onHead(lookAgain), node.onCaughtUp(lookAgain)])
    signal.addEventListener('abort', stop, { once: true });
  await queue;
}
