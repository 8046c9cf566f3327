/* What a classifier says of sequences, its views averaged: both strands, several phases. */
#ifndef VQ_TRAIN_CLASSIFY_H
#define VQ_TRAIN_CLASSIFY_H

#include "nn/classifier.h"
#include "train/examples.h"
#include "train/scores.h"

/* outputs [rows][outputs]: of a classifier probabilities, the mean over `count` views of one set and over phases 0 to phases - 1; of a
 * regression its numbers, as it is trained on them. batch: for as many tokens as the model was planned for. */
vq_status vq_classify(float *outputs, vq_classifier *model, const vq_examples *views, int count, int phases, vq_token_batch *batch);

/* The class of the largest of `outputs`, the first among equals: classes[rows]. */
void vq_classify_best(int *classes, const float *outputs, size_t rows, int count);

/* Pearson's correlation of two lists, 0 where one of them is constant. */
double vq_correlation(const float *a, const float *b, size_t count);

#endif
