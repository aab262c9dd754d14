import { clockTopicOf, connectMqtt } from '../../drivers/index.ts';
import { sleep } from '../clock/clock.ts';
import { encodeClockSetting } from '../clock/simulated.ts';
import { AgentError } from '../errors.ts';

const CONNECT_MS_MAX = 10_000;

export type ClockTeller = {
  /** From now on it is this time, and time runs at this speed. */
  tell(setting: { readonly utcMs: number; readonly speed: number }): void;
  stop(): Promise<void>;
};

/** Tells simulated time to all processes of a run: a retained message, so that those who come later hear it too. */
export async function openClockTeller({
  brokers,
  network,
  signal,
}: {
  readonly brokers: readonly string[];
  readonly network: string;
  readonly signal: AbortSignal;
}): Promise<ClockTeller> {
  const transport = connectMqtt({
    brokers: brokers.map((url) => ({
      url,
      protocolVersion: 4,
      reconnectMsMin: 50,
      reconnectMsMax: 500,
    })),
    clientId: 'clock',
    network,
    nodeId: 'clock',
    log: () => undefined,
  });
  const deadlineMs = performance.now() + CONNECT_MS_MAX;
  try {
    while (!transport.connected) {
      if (performance.now() > deadlineMs) {
        const places = transport.brokers.map(({ url }) => url).join(' or ');
        throw new AgentError(
          'AGENT_TIMEOUT',
          `No broker answers at ${places}: is it running, and is the URL right?`,
        );
      }
      await sleep(20, signal);
    }
  } catch (error) {
    await transport.stop();
    throw error;
  }
  return {
    tell: ({ utcMs, speed }) => {
      transport.publishRetained(
        clockTopicOf(network),
        encodeClockSetting({ utcMs, wallMs: Date.now(), speed }),
      );
    },
    stop: () => {
      // Nothing is retained, so that nothing stays behind on a broker that does.
      transport.publishRetained(clockTopicOf(network), new Uint8Array());
      return transport.stop();
    },
  };
}
