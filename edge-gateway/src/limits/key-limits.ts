import { DurableObject } from 'cloudflare:workers';
import { grantLease, type Lease, type LeaseAsk, type RpmWindow } from './rpm-window.ts';

/**
 * The one place in the world that counts the requests of one limited key. What it granted is written before the
 * answer leaves (the platform holds answers back until writes are durable), so a restart forgets nothing.
 */
export class KeyLimits extends DurableObject {
  private window = this.ctx.storage.kv.get<RpmWindow>('window');

  lease(ask: LeaseAsk): Lease {
    const { window, lease } = grantLease(this.window, ask, Date.now());
    if (lease.granted > 0) this.ctx.storage.kv.put('window', window);
    this.window = window;
    return lease;
  }
}
