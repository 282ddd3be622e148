/**
 * Preloaded into a program that holds our IPC channel but does not watch it (wrangler): when we die, even by SIGKILL,
 * its process group ends too.
 */
const killAfterMs = 2_000;

process.on('disconnect', () => {
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), killAfterMs);
});
process.channel?.unref(); // Watching must not keep a program alive that is done.

function signalGroup(signal: NodeJS.Signals): void {
  try {
    process.kill(-process.pid, signal);
  } catch {
    process.kill(process.pid, signal); // We do not lead the group; who does is told by its own channel.
  }
}
