import { startAgent } from '../agent.ts';
import { AgentError } from '../errors.ts';
import { tellReady, untilAskedToEnd } from '../process/lifetime.ts';
import type { CliIo, RunOptions } from './actions.ts';

/** Runs one home's agent until it is asked to stop; what it has to tell goes to stderr as lines of JSON. */
export async function run({ configFile }: RunOptions, io: CliIo): Promise<void> {
  const asked = untilAskedToEnd();
  const agent = await startAgent(configFile, (line) => void io.stderr.write(line), { signal: asked }).catch(
    (error: unknown) => {
      if (asked.aborted && error instanceof AgentError && error.code === 'AGENT_ABORTED') return undefined;
      throw error;
    },
  );
  // Asked to end while it waited for a file: nothing has failed.
  if (agent === undefined) return;
  tellReady({
    home: agent.home.config.home,
    address: agent.home.address,
    height: agent.home.node.head.height,
  });
  const untilAsked = new Promise<void>((resolve) => {
    if (asked.aborted) resolve();
    else asked.addEventListener('abort', () => resolve(), { once: true });
  });
  const { log } = agent.home;
  try {
    // After the day is over the agent goes on as a node of the ledger. A failure ends it, of the day or, whenever it
    // comes, of the node: whoever watches over it starts it again.
    await Promise.race([untilAsked, agent.day.then(() => untilAsked), agent.failure]);
  } catch (error) {
    await agent.stop();
    log({ event: 'stopped', level: 'error', reason: 'failure', error });
    throw error;
  }
  await agent.stop();
  log({ event: 'stopped', reason: String(asked.reason) });
}
