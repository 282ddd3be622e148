/** The backends an assertion can be made for. One made for `chat` is worthless at `asset`. */
export const services = ['auth', 'chat', 'asset'] as const;
export type ServiceName = (typeof services)[number];

/** Facts that the signer (edge) and the verifier (backends) must agree on. */
export const assertionRules = {
  algorithm: 'EdDSA',
  issuer: 'gaia-gateway',
  type: 'gaia-assertion+jwt',
  lifetimeSeconds: 60,
  /** The edge reuses one for this long, so that it always has at least half its life left. */
  reuseSeconds: 30,
  /** Clocks of edge and backend may differ by this much. */
  clockToleranceSeconds: 35,
} as const;
