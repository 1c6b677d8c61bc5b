// documents.mjs - the rendered documents, and what several checks ask of them.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

export const services = ['sequencer', 'risk', 'shard', 'settlement', 'portfolio', 'gateway'];

export function load(path) {
    return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
        if (document.errors.length)
            throw new Error(`${path}: ${document.errors[0].message}`);
        return document.toJS();
    });
}

export const named = (document) => `${document.kind}/${document.metadata.name}`;

export const ofKind = (documents, ...kinds) =>
    documents.filter((document) => kinds.includes(document.kind));

export const workloads = (documents) => ofKind(documents, 'StatefulSet', 'Deployment');

export const containers = (documents) =>
    workloads(documents).flatMap((workload) => workload.spec.template.spec.containers.map(
        (container) => ({ workload, container, where: named(workload) })));

export const selects = (selector, labels) =>
    Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);

// What common/settings.def declares: ZEX_NAME -> {kind, value, min, max}.
export function settingsTable(path = 'common/settings.def') {
    const table = new Map();
    const line = /^(NUMBER|SWITCH|TEXT)\((\w+), ("[^"]*"|[^,]*)(?:, (\d+), (\d+))?,/gm;
    for (const [, kind, name, value, min, max] of readFileSync(path, 'utf8').matchAll(line))
        table.set(`ZEX_${name.toUpperCase()}`,
            { kind, value: value.replaceAll('"', ''), min: Number(min), max: Number(max) });
    return table;
}

// The settings a container starts with; what only the cluster knows is undefined.
export function settingsOf(documents, container) {
    const found = {};
    for (const { configMapRef } of container.envFrom ?? [])
        Object.assign(found, ofKind(documents, 'ConfigMap').find(
            (map) => map.metadata.name === configMapRef.name)?.data);
    for (const { name, value } of container.env ?? [])
        found[name] = value;
    return found;
}

// Everything in a document that has this key, wherever it is.
export function findAll(value, key) {
    if (value === null || typeof value !== 'object')
        return [];
    return Object.entries(value).flatMap(([name, inner]) =>
        [...(name === key ? [inner] : []), ...findAll(inner, key)]);
}

// "4Gi", "500m", "2" in bytes or cores.
export function quantity(text) {
    const [, number, unit] = /^([0-9.]+)([A-Za-z]*)$/.exec(String(text));
    const units = { '': 1, m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
    return Number(number) * units[unit];
}
