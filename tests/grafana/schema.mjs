// Holds the dashboards against the JSON schema that is made of Grafana's own types: unknown and misspelt keys, wrong words,
// settings that are not there. `panels` is checked as a whole, and each panel's own settings by the types of its kind.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const here = fileURLToPath(new URL('.', import.meta.url));
const types = join(here, 'node_modules/@grafana/schema/dist/types');
const dashboards = join(here, '../../dashboards');
/** What every Grafana writes and reads and its own schema does not have. */
const UNKNOWN = {
  annotation: ['expr', 'step', 'titleFormat', 'textFormat', 'tagKeys', 'useValueForTime'],
};
const KINDS = { stat: 'stat', table: 'table', timeseries: 'timeseries', bargauge: 'bargauge', 'state-timeline': 'statetimeline' };

function validator(path, type) {
  const schema = createGenerator({
    path,
    type,
    tsconfig: join(here, 'tsconfig.json'),
    skipTypeCheck: true,
    additionalProperties: false,
    topRef: true,
    expose: 'all',
  }).createSchema(type);
  return new Ajv({ strict: false, allErrors: true }).compile(schema);
}

const whole = validator(join(types, 'raw/dashboard/x/types.gen.d.ts'), 'Dashboard');
const parts = Object.fromEntries(
  Object.entries(KINDS).map(([kind, folder]) => {
    const path = join(types, `raw/composable/${folder}/panelcfg/x/types.gen.d.ts`);
    const text = readFileSync(path, 'utf8');
    return [kind, { options: validator(path, 'Options'), custom: text.includes('interface FieldConfig') && validator(path, 'FieldConfig') }];
  })
);

const wrong = [];
function check(validate, json, at) {
  if (validate(json)) return;
  for (const { instancePath, message, params } of validate.errors) {
    wrong.push(`${at}${instancePath}: ${message} ${JSON.stringify(params)}`);
  }
}

let panels = 0;
for (const file of readdirSync(dashboards).filter((file) => file.endsWith('.json'))) {
  const dashboard = JSON.parse(readFileSync(join(dashboards, file), 'utf8'));
  for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
    panels += 1;
    const at = `${file}: ${panel.title}`;
    const { options, custom } = parts[panel.type];
    check(options, panel.options, `${at} options`);
    if (custom) {
      const required = { ...panel.fieldConfig.defaults.custom };
      check(custom, required, `${at} custom`);
    }
    for (const { properties, matcher } of panel.fieldConfig.overrides) {
      const own = properties.filter(({ id }) => id.startsWith('custom.')).map(({ id, value }) => [id.slice(7), value]);
      if (custom) check(custom, { ...panel.fieldConfig.defaults.custom, ...Object.fromEntries(own) }, `${at} ${matcher.options}`);
    }
  }
  for (const annotation of dashboard.annotations.list) {
    UNKNOWN.annotation.forEach((key) => delete annotation[key]);
  }
  check(whole, dashboard, file);
}
console.log(`${panels} panels held against Grafana's schema`);
if (wrong.length) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
