// rules.mjs FILE OUT - takes the alerts and the dashboard out of the rendered documents, for
// promtool: OUT/rules.yaml, and OUT/dashboard_rules.yaml with a rule for each of its queries.
// Fails when one asks for a metric that common/metrics.def does not declare, or when an alert
// is not tested both ways.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { findAll, load, ofKind } from './documents.mjs';

const [file, out] = process.argv.slice(2);
const documents = load(file);
const [{ spec: alerts }] = ofKind(documents, 'PrometheusRule');
const dashboard = JSON.parse(ofKind(documents, 'ConfigMap').find(
    (map) => map.metadata.labels?.grafana_dashboard).data['zex.json']);
const queries = findAll(dashboard.panels, 'expr');

const known = new Set(['zex_ready']);
const declared = /^(COUNTER|GAUGE|HISTOGRAM)\((\w+), (\w+),/gm;
for (const [, kind, name, unit] of readFileSync('common/metrics.def', 'utf8').matchAll(declared)) {
    const base = `zex_${name}${unit === 'NONE' ? '' : `_${unit.toLowerCase()}`}`;
    const endings = { COUNTER: ['_total'], GAUGE: [''], HISTOGRAM: ['_bucket', '_sum', '_count'] };
    endings[kind].forEach((ending) => known.add(base + ending));
}
const asked = [...findAll(alerts, 'expr'), ...queries].flatMap((query) => query.match(/zex_\w+/g));
const unknown = asked.filter((name) => name && !known.has(name));
if (unknown.length || queries.length === 0) {
    console.log('no such metrics:', ...new Set(unknown));
    process.exit(1);
}
const { tests } = parse(readFileSync(join(out, 'rules_test.yaml'), 'utf8'));
for (const { alert } of alerts.groups.flatMap(({ rules }) => rules))
    for (const name of [alert, `${alert}, silent`])
        if (!tests.some((test) => test.name === name)) {
            console.log('no test:', name);
            process.exit(1);
        }
writeFileSync(join(out, 'rules.yaml'), stringify(alerts));
writeFileSync(join(out, 'dashboard_rules.yaml'), stringify({ groups: [{
    name: 'dashboard',
    rules: queries.map((expr, at) => ({ record: `dashboard:query${at}`, expr })),
}] }));
