/** What a model can be chosen for. */
export const priorities = ['speed', 'quality', 'balanced', 'vr', 'cost'] as const;

/** Kinds of conversation, each with its own limit for how long an answer may take to begin. */
export const contextTypes = [
  'greeting',
  'conversation',
  'technical',
  'creative',
  'vr',
  'emergency',
  'multimodal',
] as const;
