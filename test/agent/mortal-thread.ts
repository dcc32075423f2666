import '../../engine/thread/inference-thread.ts';

/** Inference threads of this module end, whatever they were about to do, when a message comes. */
export const deathChannel = 'ebb-test-death';

const channel = new BroadcastChannel(deathChannel);
channel.onmessage = () => process.exit(7);
// It must not keep a thread that was closed.
(channel as unknown as { unref(): void }).unref();
