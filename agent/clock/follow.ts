import { clockTopicOf, type MqttTransport } from '../../drivers/index.ts';
import type { Log } from '../log.ts';
import { decodeClockSetting, type SimulatedClock } from './simulated.ts';

/**
 * Lets a simulated clock follow what is told of the time. Every broker tells it, one that was away an old one: what was
 * told latest counts, whoever brings it.
 */
export function followClock(
  clock: SimulatedClock,
  { transport, network, log }: { transport: MqttTransport; network: string; log: Log },
): void {
  let toldMs = Number.NEGATIVE_INFINITY;
  transport.onTopic(clockTopicOf(network), (payload) => {
    // Nothing is retained any more: the run is over.
    if (payload.length === 0) return;
    try {
      const setting = decodeClockSetting(payload);
      if (setting.wallMs <= toldMs) return;
      toldMs = setting.wallMs;
      clock.adjust(setting);
    } catch (error) {
      log({ event: 'bad-clock-setting', level: 'warn', error });
    }
  });
}
