/** Cards of models as text, and trials of models on stored studies. */
import { dataOf, node } from "@/shared/api/api";
import type { CardCheck, CardText, ModelDetail, ModelTrial, ModelTrialDetail } from "@/shared/api/types";

const at = (name: string, version: string) => ({ params: { path: { name, version } } });

export const cards = {
  get: (name: string, version: string, signal?: AbortSignal) =>
    dataOf<CardText>(node.GET("/api/v1/models/{name}/versions/{version}/card", { ...at(name, version), signal })),
  check: (name: string, version: string, text: string, signal?: AbortSignal) =>
    dataOf<CardCheck>(
      node.POST("/api/v1/models/{name}/versions/{version}/card/check", { ...at(name, version), body: { text }, signal }),
    ),
  save: (name: string, version: string, text: string, based_on: string) =>
    dataOf<ModelDetail>(
      node.PUT("/api/v1/models/{name}/versions/{version}/card", { ...at(name, version), body: { text, based_on } }),
    ),
};

const of = (trial_id: string) => ({ params: { path: { trial_id } } });

export const trials = {
  ask: (model: string, version: string, study_instance_uid: string) =>
    dataOf<ModelTrial>(node.POST("/api/v1/model-trials", { body: { model, version, study_instance_uid } })),
  list: (model: string, version: string, signal?: AbortSignal) =>
    dataOf<{ items: ModelTrial[] }>(node.GET("/api/v1/model-trials", { params: { query: { model, version } }, signal })),
  get: (id: string, signal?: AbortSignal) =>
    dataOf<ModelTrialDetail>(node.GET("/api/v1/model-trials/{trial_id}", { ...of(id), signal })),
  // Answers nothing: a failure is thrown.
  discard: (id: string) => node.DELETE("/api/v1/model-trials/{trial_id}", of(id)),
};
