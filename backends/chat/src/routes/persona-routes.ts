import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Personas } from '../personas/personas.ts';
import { changePersonaRoute } from './change-persona.ts';
import { createPersonaRoute } from './create-persona.ts';
import { deletePersonaRoute } from './delete-persona.ts';
import { getCurrentPersonaRoute } from './get-current-persona.ts';
import { getPersonaRoute } from './get-persona.ts';
import { getPersonaCacheStatusRoute } from './get-persona-cache-status.ts';
import { initializeDefaultPersonaRoute } from './initialize-default-persona.ts';
import { invalidatePersonaCacheRoute } from './invalidate-persona-cache.ts';
import { listPersonasRoute } from './list-personas.ts';
import { reloadPromptRoute } from './reload-prompt.ts';
import { setPersonaRoute } from './set-persona.ts';

/** Who answers, and what is kept of that. Words such as `current` come before `{id}`. */
export function personaRoutes(app: Hono<ServiceEnv>, personas: Personas): void {
  listPersonasRoute(app, personas);
  createPersonaRoute(app, personas);
  getCurrentPersonaRoute(app, personas);
  setPersonaRoute(app, personas);
  initializeDefaultPersonaRoute(app, personas);
  getPersonaRoute(app, personas);
  changePersonaRoute(app, personas);
  deletePersonaRoute(app, personas);
  reloadPromptRoute(app, personas);
  getPersonaCacheStatusRoute(app, personas);
  invalidatePersonaCacheRoute(app, personas);
}
