"""Both ways between the kit's models and LangChain's: `kit.chat_model("name")` gives a
`BaseChatModel`, `use = "langchain"` makes a part of one."""
