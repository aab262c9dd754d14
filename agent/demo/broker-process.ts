import { startBroker } from '../../drivers/index.ts';
import { tellReady, untilAskedToEnd } from '../process/lifetime.ts';

/** The demo's own broker: a process that ends when asked to. */
const asked = untilAskedToEnd();
const broker = await startBroker({ port: 0 });
tellReady({ url: broker.url });
asked.addEventListener('abort', () => void broker.stop());
