// pods.mjs FILE KEYS OUT - what a kubelet would make of the rendered documents: OUT/pods has
// a line `pod program` for each, and OUT/POD/ its env, keys and memory limit.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, ofKind, quantity, workloads } from './documents.mjs';

const [file, keys, out] = process.argv.slice(2);
const made = [...load(file), ...load(keys).filter(Boolean)];
const find = (kind, name) => ofKind(made, kind).find((document) => document.metadata.name === name);

function valueOf(entry, ordinal, known) {
    const { fieldRef, configMapKeyRef } = entry.valueFrom ?? {};
    if (fieldRef?.fieldPath === "metadata.labels['apps.kubernetes.io/pod-index']")
        return String(ordinal);
    if (configMapKeyRef)
        return find('ConfigMap', configMapKeyRef.name)?.data[configMapKeyRef.key];
    return entry.value.replace(/\$\((\w+)\)/g, (_, name) => known[name]);
}

function envOf(container, ordinal) {
    const env = {};
    for (const { configMapRef } of container.envFrom)
        Object.assign(env, find('ConfigMap', configMapRef.name).data);
    for (const entry of container.env) {
        const value = valueOf(entry, ordinal, env);
        if (value !== undefined)
            env[entry.name] = value;
    }
    return env;
}

function writeKeys(folder, { projected }) {
    for (const { secret, configMap } of projected.sources)
        if (secret)
            for (const [name, text] of Object.entries(find('Secret', secret.name).data))
                writeFileSync(join(folder, name), Buffer.from(text, 'base64'), { mode: 0o440 });
        else
            for (const { key, path } of configMap.items)
                writeFileSync(join(folder, path), find('ConfigMap', configMap.name).data[key]);
}

const lines = [];
for (const { kind, metadata: { name }, spec } of workloads(made))
    for (let ordinal = 0; ordinal < (spec.replicas ?? 2); ordinal++) {
        const pod = `${name}-${ordinal}`;
        const { containers: [container], volumes } = spec.template.spec;
        const folder = join(out, pod, 'keys');
        mkdirSync(folder, { recursive: true });
        writeKeys(folder, volumes.find((volume) => volume.name === 'keys'));
        writeFileSync(join(out, pod, 'env'), Object.entries(
            envOf(container, kind === 'StatefulSet' ? ordinal : undefined)).map(
            ([key, value]) => `${key}=${value}\n`).join(''));
        writeFileSync(join(out, pod, 'memory'), `${quantity(container.resources.limits.memory)}\n`);
        lines.push(`${pod} ${/(zex-\w+)(:[^/]*)?$/.exec(container.image)[1]}\n`);
    }
writeFileSync(join(out, 'pods'), lines.join(''));
