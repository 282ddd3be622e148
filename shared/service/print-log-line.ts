let waiting = '';

/**
 * Log lines of a container go to standard output, where the platform collects them. Those of one turn of the event loop
 * go there together at its end: a system call for each line would be a twentieth of a busy backend's work. A process
 * that ends by itself, whatever the reason, loses none; one that is killed loses those of its last turn.
 */
export function printLogLine(line: string): void {
  if (waiting === '') setImmediate(flush);
  waiting += `${line}\n`;
}

process.on('exit', flush);

function flush(): void {
  if (waiting === '') return;
  process.stdout.write(waiting);
  waiting = '';
}
