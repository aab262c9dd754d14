/** A process of a soak that is one member of the network, with its heap as `gridquorum run` keeps it. */
import { keepHeapSmall } from '../../agent/process/small-heap.ts';

keepHeapSmall();
await import('./member-life.ts');
