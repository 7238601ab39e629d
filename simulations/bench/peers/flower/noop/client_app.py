"""A client that trains nothing: every value moves by a hair, so that what goes back is new and has to be sent."""

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    step = 1e-4 * (1 + context.node_config["site"])
    arrays = [array + step for array in message.content["arrays"].to_numpy_ndarrays()]
    content = RecordDict(
        {
            "arrays": ArrayRecord([array.astype("float32") for array in arrays]),
            "metrics": MetricRecord({"num-examples": 100}),
        }
    )
    return Message(content=content, reply_to=message)
