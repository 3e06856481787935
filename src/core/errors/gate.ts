import { defineErrors } from './define.ts';

export const gateErrors = defineErrors({
  GATE_ON_STANDBY: {
    about: 'The database is a standby. Only the primary can tell which transactions readers see.',
    hint: 'point DATABASE_URL at the primary',
    retry: 'medium',
    exit: 1,
  },
});
